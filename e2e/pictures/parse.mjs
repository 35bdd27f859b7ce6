// Reads a Mermaid diagram from standard input, as Mermaid does, and writes what it has understood as JSON.
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('');
globalThis.window = window; // for DOMPurify, which Mermaid cleans labels with
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');

let text = '';
for await (const chunk of process.stdin) text += chunk;
mermaid.initialize({ startOnLoad: false, securityLevel: 'loose' }); // what could be clicked would be
const { type, db } = await mermaid.mermaidAPI.getDiagramFromText(text);

// Mermaid's own marks of entities, and then the entities: a browser does that when it draws.
const read = (html) => {
	const box = document.createElement('div');
	return html.replaceAll('ﬂ°°', '&#').replaceAll('ﬂ°', '&').replaceAll('¶ß', ';').split(/<br *\/?>/).map((line) => {
		box.innerHTML = line;
		if (box.children.length > 0) throw new Error('markup in a label: ' + line);
		return box.textContent;
	});
};
console.log(JSON.stringify({
	type,
	vertices: [...db.getVertices().values()].map((v) => ({ id: v.id, lines: read(v.text ?? v.id), kind: v.labelType, active: Boolean(v.link || v.haveCallback || db.getTooltip(v.id)) })),
	edges: db.getEdges().map((e) => ({ start: e.start, end: e.end, text: e.text })),
	groups: db.getSubGraphs().map((g) => ({ id: g.id, lines: read(g.title), nodes: g.nodes.length })),
}));
