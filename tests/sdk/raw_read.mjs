/**
 * One request with the client's own `fetch`, and its answer as it came: the text, and when how many bytes
 * arrived.
 */
export async function readRaw({ api, method = 'POST', headers, body, timeoutMs }) {
  const start = performance.now();
  const init = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'content-type': 'application/json', ...headers };
  }
  const response = await fetch(api, init);
  const decoder = new TextDecoder();
  const reads = [];
  let text = '';
  for await (const piece of response.body ?? []) {
    reads.push({ t: Math.round((performance.now() - start) * 1000) / 1000, bytes: piece.byteLength });
    text += decoder.decode(piece, { stream: true });
  }
  text += decoder.decode();
  return { status: response.status, headers: Object.fromEntries(response.headers), text, reads };
}
