/** Makes a block's comments into checks: what `console.log` prints, the value of a statement, the error that it throws. */
import { format, inspect } from 'node:util';
import ts from 'typescript';
import { matches } from './expected.js';

/**
 * A statement's comment that can be false:
 * `console.log(x); // its output`, also on the lines after it, or after the loop that it stands in;
 * `np.add(1, 2); // => its value`, as `console.log` would show it with nothing left out;
 * `np.add(a, b); // throws ShapeError: its message`.
 */
export interface Expectation {
  readonly kind: 'output' | 'value' | 'throws';
  /** Of the statement, from 1. */
  readonly line: number;
  readonly text: string;
  readonly actual: string[];
}

export interface Checked {
  /** The program with each checked statement reporting to `globalThis.docs`. */
  readonly code: string;
  readonly expectations: Expectation[];
}

/** The comment on the rest of the line after `end`, and those that fill the lines below. */
function commentAfter(lines: readonly string[], { line, character }: ts.LineAndCharacter): string | null {
  const rest = lines[line]!.slice(character).trim();
  const own = /^\/\/ ?(.*)$/.exec(rest);
  if (own === null && !/^[;,)]*$/.test(rest)) return null;
  const found = own === null ? [] : [own[1]!];
  for (let i = line + 1; i < lines.length; i++) {
    const below = /^\s*\/\/ ?(.*)$/.exec(lines[i]!);
    if (below === null) break;
    found.push(below[1]!);
  }
  return found.length === 0 ? null : found.join('\n');
}

const isLog = (node: ts.Node): node is ts.CallExpression => ts.isCallExpression(node) && node.expression.getText() === 'console.log';

export function check(source: string, outputs: readonly { after: number; line: number; text: string }[] = []): Checked {
  const file = ts.createSourceFile('program.ts', source, ts.ScriptTarget.ES2022, true);
  const lines = source.split('\n');
  const expectations: Expectation[] = [];
  const edits: { at: number; to: number; text: string }[] = [];
  const insert = (at: number, text: string): void => void edits.push({ at, to: at, text });
  const endOf = (node: ts.Node): ts.LineAndCharacter => file.getLineAndCharacterOfPosition(node.getEnd());
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const expect = (kind: Expectation['kind'], line: number, text: string): number => {
    const known = expectations.findIndex((e) => e.line === line && e.kind === kind);
    return known >= 0 ? known : expectations.push({ kind, line, text, actual: [] }) - 1;
  };

  /** The comment after a console.log, or after the loop or branch that ends with it. */
  const outputOf = (node: ts.Node): number | null => {
    for (let at: ts.Node | undefined = node; at !== undefined && !ts.isSourceFile(at); at = at.parent) {
      if (!ts.isStatement(at) || ts.isBlock(at)) continue;
      const text = commentAfter(lines, endOf(at));
      if (text !== null) return expect('output', lineOf(at), text);
    }
    const printed = outputs.find(({ after, line }) => lineOf(node) >= after && lineOf(node) < line);
    return printed === undefined ? null : expect('output', printed.line, printed.text);
  };

  const visit = (node: ts.Node): void => {
    if (isLog(node)) {
      const id = outputOf(node);
      edits.push({ at: node.expression.getStart(), to: node.expression.getEnd(), text: `docs.log` });
      insert(node.arguments.pos, `${id}${node.arguments.length > 0 ? ', ' : ''}`);
    } else if (ts.isExpressionStatement(node) && !isLog(node.expression)) {
      const text = commentAfter(lines, endOf(node));
      if (text?.startsWith('=> ')) {
        insert(node.getStart(), `docs.value(${expect('value', lineOf(node), text.slice(3))}, `);
        insert(node.expression.getEnd(), ')');
      } else if (text?.startsWith('throws ')) {
        insert(node.getStart(), `await docs.throws(${expect('throws', lineOf(node), text.slice('throws '.length))}, async () => { await (`);
        insert(node.expression.getEnd(), '); })');
      }
    } else if (ts.isVariableStatement(node)) {
      const text = commentAfter(lines, endOf(node));
      const name = node.declarationList.declarations.at(-1)!.name;
      if (text?.startsWith('=> ')) insert(node.getEnd(), ` docs.value(${expect('value', lineOf(node), text.slice(3))}, ${valueOf(name)});`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  edits.sort((a, b) => b.at - a.at || b.to - a.to);
  const code = edits.reduce((text, { at, to, text: by }) => text.slice(0, at) + by + text.slice(to), source);
  return { code, expectations };
}

/** What a declaration shows: the variable, or a list of those that it takes apart. */
function valueOf(name: ts.BindingName): string {
  if (ts.isIdentifier(name)) return name.text;
  return `[${name.elements.flatMap((e) => (ts.isOmittedExpression(e) ? [] : [valueOf(e.name)])).join(', ')}]`;
}

const show = (value: unknown): string =>
  inspect(value, { depth: Infinity, breakLength: Infinity, maxArrayLength: null, maxStringLength: null });

/** What the program calls. */
export const recorder = (expectations: readonly Expectation[]) => ({
  log(id: number | null, ...args: unknown[]): void {
    // As console.log prints it, so that a page shows no more than a reader gets.
    if (id !== null) expectations[id]!.actual.push(format(...args));
  },
  value<T>(id: number, value: T): T {
    expectations[id]!.actual.push(show(value));
    return value;
  },
  async throws(id: number, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      expectations[id]!.actual.push('(nothing was thrown)');
    } catch (error) {
      expectations[id]!.actual.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  },
});

/** What is wrong with what the program showed, for people; empty if nothing is. */
export function failures(file: string, expectations: readonly Expectation[]): string[] {
  return expectations.flatMap(({ kind, line, text, actual }) => {
    const got = actual.join('\n');
    if (actual.length > 0 && matches(text, got)) return [];
    return [`${file}:${line}: the page says ${kind} ${text}\n  but it is ${actual.length === 0 ? '(never reached)' : got}`];
  });
}
