/** Closes what is open at the end of Markdown that is still being written, so that no marks flash up. Pure. */
export function mended(text: string): string {
  const fences = text.match(/^ {0,3}(?:```|~~~)/gm)?.length ?? 0;
  if (fences % 2 === 1) return text;
  const start = text.lastIndexOf('\n\n') + 1;
  const before = text.slice(0, start);
  // A link whose address is on its way is shown as its words, and a list mark or a rule without its text not at all.
  let block = text
    .slice(start)
    .replace(/!?\[([^\]\n]*)\](?:\([^)\n]*)?$/, '$1')
    .replace(/\n[ \t]*(?:[-*+_=|`~]{1,2}|\d{1,3}\.?)$/, '\n');
  const ticks = block.match(/`/g)?.length ?? 0;
  if (ticks % 2 === 1) return `${before}${block.replace(/`$/, '')}${block.endsWith('`') ? '' : '`'}`;
  const plain = block.replace(/`[^`]*`/g, '');
  for (const mark of ['**', '~~', '__']) {
    const count = plain.split(mark).length - 1;
    if (count % 2 === 0) continue;
    block = block.endsWith(mark) ? block.slice(0, -mark.length) : `${block.replace(/[ \t*_~]+$/, '')}${mark}`;
  }
  return before + block.replace(/(^|\s)[*_~]{1,2}$/, '$1');
}
