/** Files on their way to the server: as data: URLs, because that is what a message carries. */

import type { FileUIPart } from 'ai';

const MOST_BYTES = 3_000_000;
const LARGE_IMAGE_BYTES = 900_000;
const LONGEST_SIDE = 1600;

/** Reads a file; a large picture is made smaller first. Rejects with a sentence for the person. */
export async function asAttachment(file: File): Promise<FileUIPart> {
  const small = file.type.startsWith('image/') && file.size > LARGE_IMAGE_BYTES ? await smaller(file) : file;
  if (small.size > MOST_BYTES) throw new Error(`“${file.name}” is larger than ${MOST_BYTES / 1_000_000} MB.`);
  const url = await dataUrl(small);
  return { type: 'file', mediaType: small.type || 'application/octet-stream', filename: file.name, url };
}

function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error('The file could not be read.'));
    reader.readAsDataURL(file);
  });
}

async function smaller(file: File): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (bitmap === null) return file;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 });
}

/** A picture for whoever has none at hand: hills in the evening. */
export async function samplePicture(): Promise<FileUIPart> {
  const canvas = new OffscreenCanvas(480, 300);
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser draws no pictures.');
  const sky = pen.createLinearGradient(0, 0, 0, 300);
  sky.addColorStop(0, '#1d3557');
  sky.addColorStop(0.55, '#e76f51');
  sky.addColorStop(1, '#f4c27a');
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 480, 300);
  pen.fillStyle = '#fdf0d5';
  pen.beginPath();
  pen.arc(330, 170, 34, 0, Math.PI * 2);
  pen.fill();
  const hills: [string, number, number, number][] = [
    ['#5b4b6b', 190, 26, 95],
    ['#33475b', 220, 22, 70],
    ['#16302b', 252, 16, 120],
  ];
  for (const [colour, base, height, width] of hills) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(0, 300);
    for (let x = 0; x <= 480; x += 4) pen.lineTo(x, base - height * Math.sin(x / width + base));
    pen.lineTo(480, 300);
    pen.fill();
  }
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return { type: 'file', mediaType: 'image/png', filename: 'evening.png', url: await dataUrl(blob) };
}
