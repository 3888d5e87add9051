// Runs before the first paint, so that a page in the dark does not flash.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem('mamba.theme');
  } catch (refused) {
    chosen = null;
  }
  var dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
