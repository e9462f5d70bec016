#!/usr/bin/env node
process.stdout.write('spacestore: nothing here yet\n');

export {};
