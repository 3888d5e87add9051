/** The message metadata as an application would declare it, in the zod that was chosen. */
export async function metadataSchema() {
  const { z } = await import('zod');
  const count = z.number().int().nonnegative();
  return z.object({
    model: z.string().optional(),
    usage: z.object({ inputTokens: count, outputTokens: count, totalTokens: count }).passthrough().optional(),
    ttftMs: z.number().nonnegative().optional(),
    durationMs: z.number().nonnegative().optional(),
  });
}
