/** What a backend is known to do otherwise: its name, then the primitives (with the label of the case, if not all) and why. None so far. */
export const exceptions: Readonly<Record<string, readonly { op: string; label?: string; why: string }[]>> = {};
