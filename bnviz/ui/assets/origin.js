// Under which name others reach this computer: a page opened as `localhost` has another one for them.
export const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** The origin that links for others begin with; `reachable`: this computer's address in its network, or an empty text. */
export function reachableOrigin(reachable) {
  const origin = new URL(location.origin);
  if (LOOPBACK.has(location.hostname) && reachable) origin.hostname = reachable;
  return origin.origin;
}
