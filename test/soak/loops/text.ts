/** A text for models of characters, over and over the same sentence: it can be learned in some hundred steps. */
const TEXT = "a small model that reads letter after letter soon knows which letter comes next. ";

export const vocabulary: readonly string[] = [...new Set(TEXT)].sort();

/** The first `length` characters of the text as numbers in the vocabulary. */
export const encoded = (length: number): bigint[] => Array.from({ length }, (_, i) => BigInt(vocabulary.indexOf(TEXT[i % TEXT.length]!)));
