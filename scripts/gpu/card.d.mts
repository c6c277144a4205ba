export declare const NO_CARD: number;
export declare function findCards(): { readonly cards: readonly string[]; readonly reason?: string };
export declare function buildProgram(target: string): string | null;
