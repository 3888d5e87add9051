/** Line drawings on a grid of 24; each is a path, and decoration: the name is said by what surrounds it. */

const PATHS = {
  alert: 'M12 4 2.8 20h18.4L12 4Zm0 6v4.5m0 2.6v.1',
  arrowUp: 'M12 19V5m-6.5 6.5L12 5l6.5 6.5',
  book: 'M12 6.5C10 5 7 4.5 3.5 4.5v13c3.5 0 6.5.5 8.5 2 2-1.5 5-2 8.5-2v-13c-3.5 0-6.5.5-8.5 2Zm0 0v13',
  card: 'M4 5h16v14H4V5Zm0 9h16M8 17h5',
  chart: 'M4 4v16h16M8.5 16v-5m4 5V7m4 9v-7',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  chevron: 'm6.5 9.5 5.5 5.5 5.5-5.5',
  close: 'm6 6 12 12M18 6 6 18',
  code: 'm8.5 7-5 5 5 5m7-10 5 5-5 5',
  copy: 'M9 9h11v11H9V9Zm-3.5 6H4V4h11v1.5',
  download: 'M12 4v11m-5-4.5 5 5 5-5M4.5 20h15',
  edit: 'm4 20 1-4.5L16.5 4 20 7.5 8.5 19 4 20Z',
  external: 'M13.5 4.5h6v6m0-6-9 9M10 5.5H5v13.5h13.5v-5',
  file: 'M6 3.5h8l4.5 4.5v12.5H6v-17Zm8 0V8h4.5',
  form: 'M4 5h16v5H4V5Zm0 9h16v5H4v-5Zm3.5-6.5h4',
  hand: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Zm0 4.5v5m0 3v.1',
  image: 'M4 5h16v14H4V5Zm0 11.5 4.5-4.5 4 4 3-3 4.5 4.5M15.5 9.5v.1',
  key: 'M10.5 13.5 20 4m-3 3 2.5 2.5m-6 1L15.5 12.5M8 12a4.2 4.2 0 1 0 0 8.4A4.2 4.2 0 0 0 8 12Z',
  list: 'M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5v.1m0 5.4v.1m0 5.4v.1',
  menu: 'M4 7h16M4 12h16M4 17h16',
  moon: 'M20 14.2A8.2 8.2 0 1 1 9.8 4a6.5 6.5 0 0 0 10.2 10.2Z',
  pin: 'M12 21c4.5-4.8 6.5-8 6.5-11a6.5 6.5 0 1 0-13 0c0 3 2 6.2 6.5 11Zm0-8.5a2.5 2.5 0 1 1 0-5 2.5 2.5 0 0 1 0 5Z',
  paperclip: 'm20 11-8.3 8.3a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.2 8.2a1.7 1.7 0 0 1-2.4-2.4L14.5 7',
  plus: 'M12 5v14M5 12h14',
  pulse: 'M3 12h4l3-8 4.5 16 3-8H21',
  refresh: 'M19.5 12a7.5 7.5 0 1 1-2.3-5.4L20 9.5M20 4v5.5h-5.5',
  spark: 'M12 3.5c.8 4.7 3 6.9 8 8.5-5 1.6-7.2 3.8-8 8.5-.8-4.7-3-6.9-8-8.5 5-1.6 7.2-3.8 8-8.5Z',
  stop: 'M7 7h10v10H7V7Z',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v1.5m0 15V21m9-9h-1.5m-15 0H3m15.4-6.4-1.1 1.1M6.7 17.3l-1.1 1.1m12.8 0-1.1-1.1M6.7 6.7 5.6 5.6',
  tool: 'M14.5 6.5a4 4 0 0 1 5-1.9L17 7.2l.5 2.3 2.3.5 1.7-1.7a4.2 4.2 0 0 1-5.7 4.7L8.3 20.5a2.1 2.1 0 0 1-3-3l7.5-7.5a4 4 0 0 1 1.7-3.5Z',
  trash: 'M4.5 7h15M9.5 7V4h5v3M6.5 7l.8 13h9.4l.8-13M10.2 11v5.5m3.6-5.5v5.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M8 22V13.5a3.5 3.5 0 0 1 7 0V19a3.5 3.5 0 0 0 7 0v-6" />
      <circle cx="22.2" cy="9.4" r="1.9" />
    </svg>
  );
}
