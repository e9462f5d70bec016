import type { Law } from '../../spec/law.ts';
import { deliveryLaws } from './delivery.ts';

export const outboxLaws: readonly Law<'outbox'>[] = deliveryLaws;
