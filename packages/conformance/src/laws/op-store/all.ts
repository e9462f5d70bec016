import type { Law } from '../../spec/law.ts';

export const opStoreLaws: readonly Law<'op-store'>[] = [];
