// The contrast of every text that can be seen to what is behind it, as WCAG 2 counts it.
(() => {
	const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const rgba = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data;
	};
	const light = (colour) => {
		const [r, g, b] = Array.from(rgba(colour)).slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = (element) => {
		const card = element.closest('svg.node');
		if (card) { return getComputedStyle(card.querySelector('.box')).fill; }
		for (let e = element; e; e = e.parentElement) {
			const colour = getComputedStyle(e).backgroundColor;
			if (rgba(colour)[3] === 255) { return colour; }
		}
		return 'white';
	};
	const out = [];
	for (const e of document.querySelectorAll('body *')) {
		const text = Array.from(e.childNodes).filter((n) => n.nodeType === 3).map((n) => n.data).join('').trim();
		if (!text || !e.getClientRects().length || ['SCRIPT', 'STYLE', 'title', 'desc', 'OPTION'].includes(e.tagName)) { continue; }
		const style = getComputedStyle(e);
		const ink = e instanceof SVGElement ? style.fill : style.color;
		const [a, b] = [light(ink), light(ground(e))];
		out.push({ Text: text.slice(0, 60), Ink: ink, Ground: ground(e), Ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) });
	}
	return out;
})()
