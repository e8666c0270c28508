// The player's wire format: uint32 LE header length, JSON header, one block of arrays that the header refers to.

const TYPES = { f4: Float32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

const isReference = (value) => value !== null && typeof value === "object" && "dtype" in value && "offset" in value;

/** Only the header, so that a rerun with a known digest costs no more than this. */
export function decodeHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, blockAt: bytes.byteOffset + 4 + length };
}

function viewOf({ dtype, shape, offset }, buffer, blockAt) {
  const Type = TYPES[dtype];
  const count = shape.reduce((product, n) => product * n, 1);
  const start = blockAt + offset;
  const array = start % Type.BYTES_PER_ELEMENT === 0
    ? new Type(buffer, start, count)
    : new Type(buffer.slice(start, start + count * Type.BYTES_PER_ELEMENT));
  return { array, shape };
}

/** Copy of `node` with every array reference replaced by `{array, shape}`. */
export function resolve(node, buffer, blockAt) {
  if (Array.isArray(node)) return node.map((item) => resolve(item, buffer, blockAt));
  if (isReference(node)) return viewOf(node, buffer, blockAt);
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, resolve(value, buffer, blockAt)]));
}

/** Value of a (T,) or (1,) series at a fractional position, linearly interpolated. */
export function seriesAt(values, position) {
  const { array } = values;
  if (array.length === 1) return array[0];
  const low = Math.min(Math.floor(position), array.length - 1);
  const share = position - low;
  return share > 0 && low + 1 < array.length ? array[low] + (array[low + 1] - array[low]) * share : array[low];
}

/** Row of a (T, K) or (K,) array at a fractional position, written into `out` (K,). */
export function rowAt(values, position, out) {
  const { array, shape } = values;
  const bins = shape.at(-1);
  const frames = array.length / bins;
  const low = Math.min(Math.floor(position), frames - 1);
  const share = low + 1 < frames ? position - low : 0;
  const [a, b] = [low * bins, Math.min(low + 1, frames - 1) * bins];
  for (let k = 0; k < bins; k += 1) out[k] = array[a + k] + (array[b + k] - array[a + k]) * share || 0;
  return out;
}
