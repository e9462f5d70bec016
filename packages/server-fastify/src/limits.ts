/** What one caller or workspace may use. All of it can be set; clients are told what concerns them when they join. */
export interface Limits {
  /** Bytes of one WebSocket frame. */
  readonly frameBytes: number;
  /** Records of one append. */
  readonly callRecords: number;
  /** Body bytes of one append. */
  readonly callBytes: number;
  /** Bytes of one record's body. */
  readonly bodyBytes: number;
  /** How far beyond the highest counter stored a new one may lie. */
  readonly counterJump: number;
  /** Peers bound to one user in one workspace; applications make one per tree they load. */
  readonly peersPerUser: number;
  /** Bytes of one JSON request. */
  readonly requestBytes: number;
  /** Records a page, whatever the caller asks. */
  readonly pageRecords: number;
  /** Body bytes a page. */
  readonly pageBytes: number;
  /** Bytes of a line of an import. */
  readonly lineBytes: number;
  /** Bytes of one secret. */
  readonly secretBytes: number;
  /** Bytes of one file. */
  readonly fileBytes: number;
  /** Milliseconds a link for a direct upload or download is good for; an hour at most. */
  readonly linkMs: number;
  /** Bytes of a backup handed in. */
  readonly restoreBytes: number;
  /** Backups of a workspace kept in the blob store, at least 1; older ones are removed. */
  readonly backupsKept: number;
  readonly workspacesPerOwner: number;
  /** Per workspace: records and body bytes of its log, files and their bytes. */
  readonly workspaceRecords: number;
  readonly workspaceLogBytes: number;
  readonly workspaceFiles: number;
  readonly workspaceFileBytes: number;
  /** HTTP requests a minute, by address before and by user after the token was verified. */
  readonly requestsPerMinutePerAddress: number;
  readonly requestsPerMinutePerUser: number;
  /** Sockets at once. */
  readonly socketsPerAddress: number;
  readonly socketsPerUser: number;
  readonly sockets: number;
  readonly workspacesPerSocket: number;
  /** The first frame authenticates within this time and size. */
  readonly handshakeMs: number;
  readonly handshakeBytes: number;
  /** Unsent bytes of a socket past which its reader has to pull, and how long it may stay so. */
  readonly socketBufferBytes: number;
  readonly stalledReaderMs: number;
  /** Refusals of one user written to the audit a minute; the rest is counted in the next one written. */
  readonly auditedRefusalsPerMinute: number;
  /** Overload answers 503 past this delay of the event loop; 0 turns it off. */
  readonly eventLoopDelayMs: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export const defaultLimits: Limits = {
  frameBytes: 2 * MiB,
  callRecords: 1000,
  callBytes: 2 * MiB,
  bodyBytes: MiB,
  counterJump: 1_000_000,
  peersPerUser: 100_000,
  requestBytes: 8 * MiB,
  pageRecords: 10_000,
  pageBytes: 4 * MiB,
  lineBytes: 2 * MiB,
  secretBytes: 64 * KiB,
  fileBytes: 5 * GiB,
  linkMs: 300_000,
  restoreBytes: 64 * GiB,
  backupsKept: 7,
  workspacesPerOwner: 1000,
  workspaceRecords: 50_000_000,
  workspaceLogBytes: 16 * GiB,
  workspaceFiles: 100_000,
  workspaceFileBytes: 100 * GiB,
  requestsPerMinutePerAddress: 12_000,
  requestsPerMinutePerUser: 6_000,
  socketsPerAddress: 1_000,
  socketsPerUser: 100,
  sockets: 20_000,
  workspacesPerSocket: 1_000,
  handshakeMs: 5_000,
  handshakeBytes: 4 * KiB,
  socketBufferBytes: MiB,
  stalledReaderMs: 30_000,
  auditedRefusalsPerMinute: 20,
  eventLoopDelayMs: 2_000,
};
