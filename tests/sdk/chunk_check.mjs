/** Judges chunks one by one with the schema that a release's own transport applies to what arrives. */

/** Release 4: each chunk is one line of the data stream, given as text. */
export function checkLines(parseDataStreamPart, lines) {
  return lines.map(line => {
    try {
      parseDataStreamPart(line.replace(/\n$/, ''));
      return { ok: true, error: null };
    } catch (error) {
      return refused(error);
    }
  });
}

/** Releases 5 and up: each chunk is an object, or a text that stands for itself after `data: `. */
export async function checkChunks(DefaultChatTransport, chunks) {
  const verdicts = [];
  for (const chunk of chunks) verdicts.push(await checkChunk(DefaultChatTransport, chunk));
  return verdicts;
}

async function checkChunk(DefaultChatTransport, chunk) {
  const data = typeof chunk === 'string' ? chunk : JSON.stringify(chunk);
  const transport = new DefaultChatTransport({
    api: 'http://127.0.0.1/never-asked',
    fetch: async () => new Response(`data: ${data}\n\ndata: [DONE]\n\n`),
  });
  try {
    const stream = await transport.sendMessages({ chatId: 'check', messages: [], trigger: 'submit-message' });
    let passed = 0;
    for await (const _ of stream) passed += 1;
    return passed === 1 ? { ok: true, error: null } : refused(new Error(`${passed} chunks came out.`));
  } catch (error) {
    return refused(error);
  }
}

function refused(error) {
  return { ok: false, error: { name: error.name, message: error.message.slice(0, 500) } };
}
