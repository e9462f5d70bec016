/** The header that makes a browser save what it gets, under this name if there is one. Source: RFC 6266, RFC 8187. */
export function contentDisposition(name: string | undefined): string {
  if (name === undefined) return 'attachment';
  return `attachment; filename*=UTF-8''${encodeURIComponent(wellFormed(name)).replace(/['()*]/g, escapeByte)}`;
}

/** A lone surrogate has no UTF-8. */
function wellFormed(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

function escapeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
