// What the type checker cannot read in our JavaScript: names that a page has besides the browser's own.
interface Window {
  /** State of the page, see `shared` in common.js. */
  __bnviz: any;
  /** Plotly's bundle, once it is loaded. */
  Plotly: any;
}
