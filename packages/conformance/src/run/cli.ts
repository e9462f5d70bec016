#!/usr/bin/env node
process.stdout.write('spacestore-conformance: nothing here yet\n');

export {};
