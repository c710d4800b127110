/** Request bodies beyond this are named by their hash but not kept for the bundle. Bytes. */
export const MAX_KEPT_REQUEST: number = 4 * 1024 * 1024;
