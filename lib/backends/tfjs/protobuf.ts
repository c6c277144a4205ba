/** Writes the protocol buffer wire format (protobuf.dev/programming-guides/encoding): enough for TensorFlow's GraphDef. */

export type Field = Uint8Array;

const utf8 = new TextEncoder();

/** A whole number, seven bits a byte, the lowest first; negative ones as 64 bits. */
function varint(x: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(x));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** int32, int64, bool or enum. */
export const integer = (field: number, x: number): Field => Uint8Array.from([...varint(field << 3), ...varint(x)]);

export function bytes(field: number, data: Uint8Array): Field {
  return join([Uint8Array.from([...varint((field << 3) | 2), ...varint(data.length)]), data]);
}

export const text = (field: number, s: string): Field => bytes(field, utf8.encode(s));
export const message = (field: number, ...fields: readonly Field[]): Field => bytes(field, join(fields));

/** float, fixed 32 bits. */
export const float = (field: number, x: number): Field =>
  join([Uint8Array.from(varint((field << 3) | 5)), new Uint8Array(Float32Array.of(x).buffer)]);

/** An entry of a map from strings to messages. */
export const entry = (field: number, key: string, ...value: readonly Field[]): Field => message(field, text(1, key), message(2, ...value));
