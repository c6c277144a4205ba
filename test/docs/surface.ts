/** The public surface: every name that `import ... from 'flaxen'` reaches, with its docstring. */
import { join, relative } from 'node:path';
import ts from 'typescript';
import { root, type Block } from './blocks.js';

export interface Export {
  /** "np.add", "nn.initializers.zeros", "Tensor.reshape". */
  readonly name: string;
  readonly kind: 'function' | 'class' | 'constant' | 'type' | 'method' | 'member';
  readonly documentation: string;
  /** The code of its @example tags. */
  readonly examples: readonly Block[];
  /** "lib/numpy/arithmetic.ts:11". */
  readonly where: string;
}

/** The exports of lib/index.ts, namespaces opened, with the public members of classes and what may be called of other types. */
export function surfaceOf(program: ts.Program): Export[] {
  const checker = program.getTypeChecker();
  const out: Export[] = [];
  const visit = (prefix: string, module: ts.Symbol): void => {
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const name = prefix + exported.name;
      if (symbol.flags & ts.SymbolFlags.ValueModule) visit(`${name}.`, symbol);
      else {
        const kind = kindOf(checker, symbol);
        out.push(describe(checker, name, kind, symbol));
        const members = symbol.flags & ts.SymbolFlags.Class ? membersOf(checker, symbol) : methodsOf(checker, symbol);
        if (kind === 'class') members.push(...staticsOf(checker, symbol));
        for (const m of members) out.push(describe(checker, `${name}.${m.name}`, isCallable(checker, m) ? 'method' : 'member', m));
      }
    }
  };
  visit('', checker.getSymbolAtLocation(program.getSourceFile(join(root, 'lib/index.ts'))!)!);
  return out;
}

function kindOf(checker: ts.TypeChecker, symbol: ts.Symbol): Export['kind'] {
  if (symbol.flags & ts.SymbolFlags.Class) return 'class';
  if (symbol.flags & ts.SymbolFlags.Function) return 'function';
  if (!(symbol.flags & ts.SymbolFlags.Value)) return 'type';
  const type = checker.getTypeOfSymbol(symbol);
  if (type.getConstructSignatures().length > 0) return 'class';
  return type.getCallSignatures().length > 0 ? 'function' : 'constant';
}

const isHidden = (symbol: ts.Symbol): boolean =>
  (symbol.flags & ts.SymbolFlags.TypeParameter) !== 0 ||
  symbol.name.startsWith('__') ||
  symbol.name.startsWith('#') ||
  symbol.getJsDocTags().some((tag) => tag.name === 'internal') ||
  (symbol.declarations ?? []).some((d) => ts.getCombinedModifierFlags(d) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));

function membersOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const { members } = symbol;
  return members === undefined ? [] : [...members.values()].filter((m) => !isHidden(m));
}

/** What may be called of the class itself, such as `TrainState.create`. */
function staticsOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const own = checker.getTypeOfSymbol(symbol).getProperties();
  return own.filter((m) => isOurs(m) && !isHidden(m) && isCallable(checker, m));
}

const isOurs = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.some((d) => d.getSourceFile().fileName.startsWith(join(root, 'lib'))) ?? false;

const isCallable = (checker: ts.TypeChecker, symbol: ts.Symbol): boolean => {
  const type = checker.getTypeOfSymbol(symbol);
  return (checker.getBaseConstraintOfType(type) ?? type).getCallSignatures().length > 0;
};

/** What may be called of an interface or an object type of the library; an option that is a function is none, since it may be left out. */
function methodsOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return (type.isUnion() ? [] : type.getProperties()).filter(
    (m) => isOurs(m) && !isHidden(m) && !(m.flags & ts.SymbolFlags.Optional) && isCallable(checker, m),
  );
}

function describe(checker: ts.TypeChecker, name: string, kind: Export['kind'], symbol: ts.Symbol): Export {
  const node = symbol.declarations![0]!;
  const file = node.getSourceFile();
  const path = relative(root, file.fileName);
  return {
    name,
    kind,
    documentation: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
    examples: symbol.declarations!.flatMap(examplesOf),
    where: `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`,
  };
}

/** The code of a declaration's @example tags, on its lines. */
function examplesOf(declaration: ts.Declaration): Block[] {
  const file = declaration.getSourceFile();
  const tags = ts.getJSDocTags(declaration).filter((tag) => tag.tagName.text === 'example');
  return tags.map((tag) => {
    const [from, to] = [tag.getStart(), tag.getEnd()].map((at) => file.getLineAndCharacterOfPosition(at).line) as [number, number];
    const lines = file.text.split('\n').slice(from, to + 1);
    const code = lines.map((line) =>
      line
        .replace(/\s*\*\/$/, '')
        .replace(/^\s*\* ?/, '')
        .replace(/^@example ?/, ''),
    );
    return { file: relative(root, file.fileName), line: from + 1, language: 'ts', words: [], noRun: null, code };
  });
}
