import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { BlobServiceClient, ContainerSASPermissions } from '@azure/storage-blob';

const account = 'devstoreaccount1';
/** The emulator's own, the same everywhere and public. */
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

let running: Promise<string> | undefined;

/** The connection string of the account to test on: SPACESTORE_TEST_AZURE_CONNECTION_STRING, or an emulator that this process starts at the first
 *  call, keeps in memory, and takes with it when it ends. */
export function azureAccount(): Promise<string> {
  const given = process.env.SPACESTORE_TEST_AZURE_CONNECTION_STRING;
  running ??= given ? Promise.resolve(given) : startAzurite();
  return running;
}

/** Ends an emulator whose standard input has ended: whoever started it is no more, perhaps killed, as test runners do with their workers. */
const endWithParent = `data:text/javascript,process.stdin.resume().once('close', () => process.exit())`;

/** Starts one, with what else it is to be told, and tells its connection string. It ends with this process. */
export async function startAzurite(more: readonly string[] = []): Promise<string> {
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  // --skipApiVersionCheck: the client's protocol is newer than the emulator.
  const args = ['--blobPort', '0', '--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'];
  const child = spawn(process.execPath, ['--import', endWithParent, main, ...args, ...more], { stdio: 'pipe' });
  const address = await new Promise<string>((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer): void => {
      said += chunk;
      const [, found] = /successfully listens on (\S+)/.exec(said) ?? [];
      if (found) resolve(found);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', (code) => reject(new Error(`azurite ended with ${code}: ${said}`)));
  });
  child.unref();
  for (const stream of child.stdio.slice(0, 3)) (stream as unknown as { unref: () => void }).unref();
  return `DefaultEndpointsProtocol=${new URL(address).protocol.slice(0, -1)};AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${address}/${account};`;
}

/** A new, empty container on the account. */
export async function newContainer(): Promise<{ readonly connectionString: string; readonly container: string }> {
  const connectionString = await azureAccount();
  const container = `test-${randomUUID()}`;
  await BlobServiceClient.fromConnectionString(connectionString).createContainer(container);
  return { connectionString, container };
}

/** The least a store needs: read, create, write, delete, list. */
export const leastPermissions = 'rcwdl';

/** What such a container looks like to somebody who holds no more than a SAS for it. */
export async function sasOf(
  { connectionString, container }: { readonly connectionString: string; readonly container: string },
  permissions: string,
): Promise<{ readonly url: string; readonly sas: string; readonly container: string }> {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const expiresOn = new Date(Date.now() + 3_600_000);
  const url = await service
    .getContainerClient(container)
    .generateSasUrl({ permissions: ContainerSASPermissions.parse(permissions), expiresOn });
  return { url: service.url, sas: new URL(url).search, container };
}
