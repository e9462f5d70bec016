import type { TokenCredential } from '@azure/identity';
import { AnonymousCredential, BlobServiceClient, type ContainerClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob';
import { StoreError } from '@spacestore/core';

/** Where the container is and who we are to it: `connectionString`, or `url` with one of `accountKey`, `sas`, `credential`. */
export interface AzureConnection {
  readonly container: string;
  /** With an account key or a SAS in it. */
  readonly connectionString?: string;
  /** Of the account: `https://<account>.blob.core.windows.net`. */
  readonly url?: string;
  readonly accountKey?: string;
  /** A shared access signature for the container or the account, with or without the leading `?`. */
  readonly sas?: string;
  /** If absent, and neither key nor SAS is there, @azure/identity's DefaultAzureCredential. */
  readonly credential?: TokenCredential;
  /** How often the same request is sent once more after a lost connection, a 500 or a 503: each block by itself; 3 if absent. */
  readonly retries?: number;
  /** Milliseconds before the second repetition, more for each later one (the first comes at once); 500 if absent. */
  readonly retryDelayMs?: number;
  /** Milliseconds until an answer must have begun; 60,000 if absent. */
  readonly requestTimeoutMs?: number;
}

export interface Connected {
  readonly service: BlobServiceClient;
  readonly container: ContainerClient;
  /** What URLs can be signed with; undefined where only a SAS is known. */
  readonly signer: StorageSharedKeyCredential | 'delegation' | undefined;
}

/** Throws: invalid, unless the options name exactly one way in. */
export async function connect(options: AzureConnection): Promise<Connected> {
  const { url, sas, credential } = wayIn(options);
  const key = credential ?? (sas === undefined ? await defaultCredential() : new AnonymousCredential());
  const { retries = 3, retryDelayMs = 500, requestTimeoutMs = 60_000 } = options;
  const pipeline = newPipeline(key, { retryOptions: { maxTries: retries + 1, retryDelayInMs: retryDelayMs } });
  pipeline.factories.push({
    create: (next) => ({
      sendRequest: (request) => {
        request.timeout = requestTimeoutMs;
        return next.sendRequest(request);
      },
    }),
  });
  const service = new BlobServiceClient(sas === undefined ? url : `${url}?${sas.replace(/^\?/, '')}`, pipeline);
  const signer = key instanceof StorageSharedKeyCredential ? key : sas === undefined ? 'delegation' : undefined;
  return { service, container: service.getContainerClient(options.container), signer };
}

interface WayIn {
  readonly url: string;
  readonly sas?: string;
  readonly credential?: StorageSharedKeyCredential | TokenCredential;
}

function wayIn({ connectionString, url, accountKey, sas, credential }: AzureConnection): WayIn {
  const keys = [accountKey, sas, credential].filter((key) => key !== undefined);
  if ((connectionString === undefined) === (url === undefined) || keys.length > (url === undefined ? 0 : 1))
    throw new StoreError('invalid', 'Azure blobs take connectionString, or url with at most one of accountKey, sas and credential');
  if (url === undefined) return fromConnectionString(connectionString as string);
  if (!URL.canParse(url)) throw new StoreError('invalid', 'the URL of the blob service is none');
  if (accountKey !== undefined) return { url, credential: new StorageSharedKeyCredential(accountOf(url), accountKey) };
  return { url, ...(sas !== undefined && { sas }), ...(credential !== undefined && { credential }) };
}

function fromConnectionString(connectionString: string): WayIn {
  let parsed: BlobServiceClient;
  try {
    parsed = BlobServiceClient.fromConnectionString(connectionString);
  } catch {
    throw new StoreError('invalid', 'the connection string of the blob service can’t be read'); // its own error may quote the key
  }
  const [url, sas] = parsed.url.split('?') as [string, string | undefined];
  if (sas !== undefined) return { url, sas };
  if (parsed.credential instanceof StorageSharedKeyCredential) return { url, credential: parsed.credential };
  throw new StoreError('invalid', 'the connection string of the blob service has neither AccountKey nor SharedAccessSignature');
}

function accountOf(url: string): string {
  const { accountName } = new BlobServiceClient(url);
  if (accountName === '') throw new StoreError('invalid', 'the URL of the blob service names no account');
  return accountName;
}

/** Loaded only where it is asked for: it is large. */
async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}
