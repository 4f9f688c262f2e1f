// In place of a server.
window.EventSource = class extends EventTarget {
  constructor() { super(); window.source = this; }
  close() { this.closed = true; }
};
