/**
 * Chooses the zod under the clients. The releases from 5 on run with zod 3.25 and with zod 4, and judge some
 * chunks differently with each, so both are installed: `zod` is 3.25, and `zod-4` takes its name when zod 4
 * is asked for.
 */
import { registerHooks } from 'node:module';

/** Must be called before the first import of a client. */
export function chooseZod(major) {
  if (major !== 4) return;
  registerHooks({
    resolve: (specifier, context, next) => next(specifier.replace(/^zod(?=\/|$)/, 'zod-4'), context),
  });
}
