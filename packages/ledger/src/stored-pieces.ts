/** How payloads stand in every engine: short ones in one row, longer ones in rows of one piece each, so that they are read piece by piece. */

/** Length of every piece but the last, bytes. */
export const PIECE_BYTES: number = 64 * 1024;
