/**
 * A `fetch` that notes every request and how its answer ended, and that refuses to go on once a client has
 * sent more requests than any of our scenarios needs: a client that posts again and again is then a finding,
 * not a test that hangs.
 */

export class RequestLog {
  constructor({ limit, changed = () => {}, now = () => performance.now() }) {
    this.limit = limit;
    this.changed = changed;
    this.now = now;
    this.requests = [];
    this.open = 0;
    this.looped = false;
  }

  /** Bound, because clients call it as a plain function. */
  fetch = async (input, init = {}) => {
    if (this.requests.length >= this.limit) {
      this.looped = true;
      this.changed();
      throw new Error(`More than ${this.limit} requests: the client posts in a loop.`);
    }
    const entry = {
      t: this.now(),
      url: String(input),
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: parsed(init.body),
      status: null,
      responseHeaders: {},
      bytes: 0,
      outcome: 'pending',
    };
    this.requests.push(entry);
    this.open += 1;
    this.changed();
    try {
      const response = await fetch(input, init);
      entry.status = response.status;
      entry.responseHeaders = Object.fromEntries(response.headers);
      if (response.body === null) {
        this.#end(entry, 'ended');
        return response;
      }
      const { status, statusText, headers } = response;
      return new Response(this.#watched(response.body, entry), { status, statusText, headers });
    } catch (error) {
      this.#end(entry, error.name === 'AbortError' ? 'aborted' : 'failed');
      throw error;
    }
  };

  /** The same bytes, handed on as they come; cancelling reaches the socket. */
  #watched(body, entry) {
    const reader = body.getReader();
    return new ReadableStream(
      {
        pull: async controller => {
          try {
            const { done, value } = await reader.read();
            if (done) {
              this.#end(entry, 'ended');
              controller.close();
            } else {
              entry.bytes += value.byteLength;
              controller.enqueue(value);
            }
          } catch (error) {
            this.#end(entry, error.name === 'AbortError' ? 'aborted' : 'failed');
            controller.error(error);
          }
        },
        cancel: reason => {
          this.#end(entry, 'cancelled');
          return reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  #end(entry, outcome) {
    if (entry.outcome !== 'pending') return;
    entry.outcome = outcome;
    this.open -= 1;
    this.changed();
  }
}

function parsed(body) {
  if (typeof body !== 'string') return body ?? null;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
