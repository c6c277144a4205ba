/** The worked examples of CONTRIBUTING.md fit the code as it is: every diff applies, and what they make of the library type-checks. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOfPage, root, type Block } from './blocks.js';
import { createProgram, errorsOf } from './typescript.js';

const page = 'CONTRIBUTING.md';
const fileOf = (block: Block): string | undefined => block.words.find((w) => w.startsWith('file='))?.slice('file='.length);
const examples = blocksOfPage(page).filter((block) => fileOf(block) !== undefined);

/** What the examples so far have made of the files that they change. */
const changed = new Map<string, string>();

/** The file's text with a diff applied: its lines without "+" stand there in a row, once. */
function apply(text: string, block: Block): string {
  const before = block.code.filter((line) => !line.startsWith('+')).map((line) => line.slice(1)).join('\n'); // prettier-ignore
  const after = block.code.filter((line) => !line.startsWith('-')).map((line) => line.slice(1)).join('\n'); // prettier-ignore
  const parts = `\n${text}`.split(`\n${before}\n`);
  expect(parts.length - 1, `places in ${fileOf(block)} where the lines of ${page}:${block.line} stand`).toBe(1);
  return parts.join(`\n${after}\n`).slice(1);
}

describe('the worked examples', () => {
  it.each(examples.map((block) => [`${fileOf(block)}, line ${block.line}`, block] as const))('%s', (_, block) => {
    const path = join(root, fileOf(block)!);
    expect(block.code.some((line) => block.words.includes('new') || /^[+-]/.test(line))).toBe(true);
    expect(existsSync(path)).toBe(!block.words.includes('new'));
    if (block.words.includes('new')) changed.set(path, `${block.code.join('\n')}\n`);
    else changed.set(path, apply(changed.get(path) ?? readFileSync(path, 'utf8'), block));
  });

  it('are TypeScript that compiles', () => {
    const scripts = new Map([...changed].filter(([path]) => path.endsWith('.ts')));
    expect(scripts.size).toBeGreaterThan(5);
    const program = createProgram(scripts);
    expect([...scripts.keys()].flatMap((path) => errorsOf(program, path).map((error) => `${path}: ${error}`))).toEqual([]);
  });
});

it('every file that the text names is there', () => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
  const names = [...text.matchAll(/`((?:lib|native|test|docs|bench|scripts|examples)\/[\w./]+\w)`/g)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});
