import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

/** Writes a .br and a .gz beside every text file, so that the server has nothing to compress. */
const compressed = () => ({
  name: 'compressed',
  apply: 'build',
  writeBundle({ dir }, bundle) {
    for (const fileName of Object.keys(bundle)) {
      if (!/\.(?:js|css)$/.test(fileName)) continue;
      const path = join(dir, fileName);
      const source = readFileSync(path);
      const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
      writeFileSync(`${path}.br`, brotliCompressSync(source, quality));
      writeFileSync(`${path}.gz`, gzipSync(source, { level: 9 }));
    }
  },
});

/** The bundler lists the licences of scripts; those of the fonts are added. */
const fontLicences = () => ({
  name: 'font-licences',
  apply: 'build',
  writeBundle({ dir }) {
    for (const name of ['inter', 'jetbrains-mono']) {
      const licence = new URL(`node_modules/@fontsource-variable/${name}/LICENSE`, import.meta.url);
      const heading = `\n## @fontsource-variable/${name} - ${version(`@fontsource-variable/${name}`)} (OFL-1.1)\n\n`;
      appendFileSync(join(dir, 'playground', 'LICENSES.md'), heading + readFileSync(licence, 'utf8'));
    }
  },
});

const server = process.env.MAMBA_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  base: './',
  plugins: [react(), compressed(), fontLicences()],
  define: {
    __AI_VERSION__: JSON.stringify(version('ai')),
    __AI_REACT_VERSION__: JSON.stringify(version('@ai-sdk/react')),
  },
  build: {
    outDir: '../mamba_adapters/http/static/playground',
    emptyOutDir: true,
    assetsDir: 'playground',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: 'es2022',
    license: { fileName: 'playground/LICENSES.md' },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(['/api', '/models', '/health', '/title'].map((path) => [path, server])),
  },
});
