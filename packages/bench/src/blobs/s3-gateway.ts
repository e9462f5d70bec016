import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3At } from './s3-drivers.ts';

/** Whether this machine has the parts of Ceph's gateway. */
export function hasGateway(): boolean {
  return ['radosgw', 'ceph-mon', 'ceph-osd'].every((part) => spawnSync(part, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** An empty bucket on a gateway of this measurement alone, which ends with it. */
export async function withGateway(use: (at: S3At) => Promise<void>): Promise<void> {
  const script = fileURLToPath(new URL('../../../../scripts/ceph-gateway.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { endpoint, credentials } = JSON.parse(line) as Pick<S3At, 'endpoint' | 'credentials'>;
    const client = new S3Client({ endpoint, region: 'us-east-1', credentials: { ...credentials }, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: 'bench' }));
    client.destroy();
    await use({ endpoint, bucket: 'bench', credentials });
  } finally {
    child.kill();
    await gone;
  }
}
