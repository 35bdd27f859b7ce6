'use strict';
// Without this script everything can be read; with it, searched, sorted and copied. It makes no markup from texts, keeps
// nothing and asks nobody.
(function () {
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));

  const root = document.documentElement;
  const theme = document.getElementById('theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
  const tell = () => theme.setAttribute('aria-pressed', String(dark()));
  theme.hidden = false;
  theme.addEventListener('click', () => { root.dataset.theme = dark() ? 'light' : 'dark'; tell(); });
  system.addEventListener('change', tell);
  tell();

  for (const tools of all('.tools')) {
    const items = all(':scope > [data-rank]', document.getElementById(tools.dataset.for));
    const texts = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
    const search = tools.querySelector('input');
    const least = tools.querySelector('select');
    const status = tools.querySelector('[role=status]');
    const show = () => {
      const words = search.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const item of items) {
        const fits = Number(item.dataset.rank) >= Number(least.value) && words.every((word) => texts.get(item).includes(word));
        item.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      status.textContent = shown + ' of ' + items.length + ' shown';
    };
    search.addEventListener('input', show);
    least.addEventListener('change', show);
    tools.hidden = false;
    show();
  }

  for (const table of all('table.sorted')) {
    const heads = all('thead th', table);
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const up = head.getAttribute('aria-sort') !== 'ascending';
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const value = (row) => row.cells[column].dataset.value;
        const compare = (a, b) => value(a) === undefined
          ? a.cells[column].textContent.localeCompare(b.cells[column].textContent, 'en', { numeric: true })
          : Number(value(a)) - Number(value(b));
        const body = table.tBodies[0];
        const rows = Array.from(body.rows).sort((a, b) => up ? compare(a, b) : compare(b, a));
        body.append(...rows);
      });
    });
  }

  for (const command of all('.command')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', 'Copy: ' + command.textContent);
    command.after(button);
    const done = () => { button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy'; }, 2000); };
    const select = () => {
      getSelection().selectAllChildren(command);
      if (document.execCommand('copy')) { done(); }
    };
    button.addEventListener('click', () => {
      if (navigator.clipboard) { navigator.clipboard.writeText(command.textContent).then(done, select); } else { select(); }
    });
  }

  // A link to what a filter hides shows it again.
  addEventListener('hashchange', () => {
    const to = document.getElementById(location.hash.slice(1));
    const tools = to && to.hidden && to.parentNode.parentNode.querySelector('.tools');
    if (tools) {
      tools.querySelector('input').value = '';
      tools.querySelector('select').value = '0';
      tools.querySelector('select').dispatchEvent(new Event('change'));
      to.scrollIntoView();
    }
  });
})();
