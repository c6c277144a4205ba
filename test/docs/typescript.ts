/** One TypeScript program over the library and every program of the documentation, which exist only in memory. */
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { root } from './blocks.js';

const read = (path: string): string | undefined => ts.sys.readFile(path);

function userOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), read) as { config: { compilerOptions: Record<string, unknown> } };
  // What a user's `"strict": true` gives; indexing arrays in an example needs no "!".
  const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, noUncheckedIndexedAccess: false }, root);
  return options;
}

/** The library's files from disk and `files` (absolute path to text) from memory. */
export function createProgram(files: ReadonlyMap<string, string>, old?: ts.Program): ts.Program {
  const options = userOptions();
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile, directoryExists } = host;
  const folders = new Set([...files.keys()].map((path) => dirname(path)));
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.(path) ?? true);
  host.getSourceFile = (path, target, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? (old?.getSourceFile(path) ?? getSourceFile(path, target, ...rest))
      : ts.createSourceFile(path, text, target, true);
  };
  return ts.createProgram({ rootNames: [join(root, 'lib/index.ts'), ...files.keys()], options, host, oldProgram: old });
}

/** Syntax and type errors of one file, as "line: message". */
export function errorsOf(program: ts.Program, path: string): string[] {
  const file = program.getSourceFile(path)!;
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((d) => {
    const line = d.start === undefined ? '?' : file.getLineAndCharacterOfPosition(d.start).line + 1;
    return `${line}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`;
  });
}
