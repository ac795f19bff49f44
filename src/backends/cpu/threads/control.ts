/**
 * Where threads meet: words in the second half of the heap's first page, which belongs to the backend. Words that several threads write lie
 * on cache lines of their own. All places are indices of 32-bit words.
 *
 *     SEQUENCE   counts what happened (a job, another number of threads): what an idle worker looks at, and sleeps on
 *     SLEEPERS   how many workers sleep, or are about to
 *     READY      how many workers take part
 *     LIMIT      workers with this number or a higher one leave
 *     PENDING    chunks of the job that are not done
 *     WAITING    1 while the caller sleeps until PENDING is 0
 *     JOB        what the job is, see the fields below
 *     FAILURE    what the first chunk that failed in a worker threw: a flag, the length of a text, the text
 *     QUEUES     for each thread: how many of its chunks nobody has claimed, and the number after its last one
 *     SLOTS      for each worker: how it is, the address of its scratch memory, and whether it sleeps
 */
const LINE = 16;
/** In bytes: launch records end here. */
const BASE = 32768;

/** The most threads that kernels are spread over. */
export const MAX_THREADS = 64;
/** Fields of a launch record that can be scratch memory. */
export const MAX_SCRATCH = 8;
/** Characters of an error that get across. */
export const MAX_TEXT = 512;

const first = BASE >> 2;
export const SEQUENCE: number = first;
export const SLEEPERS: number = first + LINE;
export const READY: number = first + 2 * LINE;
export const LIMIT: number = first + 3 * LINE;
export const PENDING: number = first + 4 * LINE;
export const WAITING: number = first + 5 * LINE;

/** The address of the function's record: see `share`. */
export const JOB_FUNCTION: number = first + 6 * LINE;
/** The first word of the chunks' arguments, and how many words each chunk has. */
export const JOB_ARGUMENTS: number = JOB_FUNCTION + 1;
export const JOB_WORDS: number = JOB_FUNCTION + 2;
/** 1: a chunk's words are the function's parameters. 0: they are a record, whose address is the one parameter. */
export const JOB_SPREAD: number = JOB_FUNCTION + 3;
/** How many threads have queues. */
export const JOB_THREADS: number = JOB_FUNCTION + 4;
/** How many fields of a record are scratch memory; then for each its word in the record and its offset in the memory. */
export const JOB_SCRATCH: number = JOB_FUNCTION + 5;

export const FAILURE: number = first + 9 * LINE;
export const QUEUES: number = first + 9 * LINE + LINE * Math.ceil((2 + MAX_TEXT) / LINE);
export const SLOTS: number = QUEUES + LINE * MAX_THREADS;
/** Words of a queue, and of a slot. */
export const STRIDE: number = LINE;

/** The word of a slot that is 1 while the worker is among the SLEEPERS. */
export const ASLEEP = 2;

/** How a slot is: nobody there, a worker on its way, one that takes part, one that could not. */
export const EMPTY = 0;
export const STARTING = 1;
export const TAKING_PART = 2;
export const BROKEN = 3;
