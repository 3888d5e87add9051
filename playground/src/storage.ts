/** The browser's storage. It may be switched off or full: then nothing is kept, and nothing fails. */

type Place = 'localStorage' | 'sessionStorage';

export function read(place: Place, key: string): string | null {
  try {
    return window[place].getItem(key);
  } catch {
    return null;
  }
}

/** Whether it was kept. */
export function write(place: Place, key: string, text: string): boolean {
  try {
    window[place].setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

export function erase(place: Place, key: string): void {
  try {
    window[place].removeItem(key);
  } catch {
    // Where there is no storage there is nothing to take out of it.
  }
}
