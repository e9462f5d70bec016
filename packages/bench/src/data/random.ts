/** A small seeded generator (mulberry32): equal seeds give equal workloads on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** 32 hex digits. */
export function randomHex(random: () => number): string {
  let text = '';
  while (text.length < 32)
    text += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return text;
}

const syllables = ['ka', 'lo', 'mi', 'ner', 'tu', 'vas', 'ri', 'do', 'pel', 'sin', 'gra', 'fo', 'hem', 'bu', 'zat', 'wy'];

/** Random words of about `length` characters: compresses like text that nobody wrote twice. */
export function randomWords(random: () => number, length: number): string {
  let text = '';
  while (text.length < length) {
    for (let n = 1 + Math.floor(random() * 3); n >= 0; n--) text += syllables[Math.floor(random() * syllables.length)];
    text += ' ';
  }
  return text.slice(0, length);
}
