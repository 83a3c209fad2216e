// Style elements that the page's own scripts make, or put into its head, carry its nonce, as the policy asks. Those that
// come as HTML into its body do not.
(() => {
	const nonce = document.currentScript.nonce;
	const create = Document.prototype.createElement;
	Document.prototype.createElement = function (...given) {
		const made = create.apply(this, given);
		if (made instanceof HTMLStyleElement) made.nonce = nonce;
		return made;
	};
	const before = CharacterData.prototype.before;
	CharacterData.prototype.before = function (...nodes) {
		if (this.parentNode === document.head) {
			for (const node of nodes) {
				if (!(node instanceof DocumentFragment)) continue;
				for (const style of node.querySelectorAll("style")) style.nonce = nonce;
			}
		}
		return before.apply(this, nodes);
	};
})();
