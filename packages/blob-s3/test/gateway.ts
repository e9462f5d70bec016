import { spawn, spawnSync } from 'node:child_process';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { S3Credentials } from '@spacestore/blob-s3';

/** A real S3 to test on. */
export interface Gateway {
  readonly endpoint: string;
  readonly credentials: S3Credentials;
  /** A second user, who may do nothing but what a bucket's policy allows him; only where we started the gateway. */
  readonly least?: S3Credentials;
}

const endpoint = process.env.SPACESTORE_TEST_S3_ENDPOINT;
const parts = ['radosgw', 'ceph-mon', 'ceph-osd', 'radosgw-admin', 'monmaptool'];

/** Why there is none here, or undefined. */
export const gatewayMissing: string | undefined =
  endpoint !== undefined || parts.every((part) => spawnSync(part, ['--version'], { stdio: 'ignore' }).status === 0)
    ? undefined
    : 'needs radosgw, ceph-mon and ceph-osd, or SPACESTORE_TEST_S3_ENDPOINT';

/** As in scripts/ceph-gateway.mjs. */
const sharedAddress = `\0spacestore-ceph-${process.getuid?.()}`;
const script = fileURLToPath(new URL('../../../scripts/ceph-gateway.mjs', import.meta.url));

let mine: Promise<Gateway> | undefined;

/** The one of `SPACESTORE_TEST_S3_ENDPOINT` (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or Ceph's, which all processes of this user share:
 *  whoever comes first starts it, and it ends after the last. */
export function gateway(): Promise<Gateway> {
  mine ??= endpoint === undefined ? sharedGateway() : Promise.resolve({ endpoint, credentials: credentialsOfEnvironment() });
  return mine;
}

function credentialsOfEnvironment(): S3Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = process.env;
  return { accessKeyId, secretAccessKey };
}

async function sharedGateway(): Promise<Gateway> {
  for (let started = false; ; ) {
    const line = await askShared();
    if (line !== undefined) {
      const told = JSON.parse(line) as Gateway & { readonly error?: string };
      if (told.error !== undefined) throw new Error(`the gateway did not start: ${told.error}`);
      return told;
    }
    if (!started) spawn(process.execPath, [script, '--shared'], { detached: true, stdio: 'ignore' }).unref();
    started = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What it tells; undefined if there is none, or one that just ends. The connection stays open while this process lives, which keeps the gateway alive. */
function askShared(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(sharedAddress);
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
    const lines = createInterface({ input: socket });
    lines.on('error', () => resolve(undefined)); // it passes on what the socket says
    lines.once('line', (line) => {
      socket.unref();
      resolve(line);
    });
  });
}
