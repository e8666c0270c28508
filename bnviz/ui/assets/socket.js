// A WebSocket that comes back: a lost connection is tried again, sooner at first, and at once when the network or the tab returns.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const NORMAL = 1000;
const GONE = 4404;

/** Absolute address of `path`, as a WebSocket. */
function address(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Socket `{send(word), open(), close()}`. `first`: the word that it begins with, if any; `heard(message)`: what JSON says, or bytes; `lost()`: trying again; `gone()`: the server has nothing more to say. */
export function steadySocket(path, { first = undefined, heard, lost, gone }) {
  const returning = new AbortController();
  let socket;
  let waiting;
  let wait = FIRST_WAIT_MS;

  const close = () => {
    returning.abort();
    clearTimeout(waiting);
    socket.close();
  };
  const open = () => {
    clearTimeout(waiting);
    socket = new WebSocket(address(path));
    const opened = socket;
    opened.binaryType = "arraybuffer";
    if (first !== undefined) opened.addEventListener("open", () => opened.send(first));
    opened.addEventListener("message", ({ data }) => {
      if (opened !== socket || returning.signal.aborted) return;
      wait = FIRST_WAIT_MS;
      heard(typeof data === "string" ? JSON.parse(data) : data);
    });
    opened.addEventListener("close", ({ code }) => {
      if (opened !== socket || returning.signal.aborted) return;
      if (code === NORMAL || code === GONE) {
        close();
        gone();
        return;
      }
      lost();
      waiting = setTimeout(open, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    });
  };
  const retry = () => { if (socket.readyState === WebSocket.CLOSED && !document.hidden) open(); };
  window.addEventListener("online", retry, { signal: returning.signal });
  document.addEventListener("visibilitychange", retry, { signal: returning.signal });
  open();
  const isOpen = () => socket.readyState === WebSocket.OPEN;
  return { close, open: isOpen, send: (word) => { if (isOpen()) socket.send(word); } };
}
