export declare function nodeOf(major: number): string;
