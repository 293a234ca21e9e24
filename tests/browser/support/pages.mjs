// Pages of the console, each in a profile of its own. Whatever one throws, whatever its policy forbids it and whatever it
// asks anybody but its bridge for is kept as a problem.
import { launch } from "./chromium.mjs";

export class Pages {
  #browser;
  #open = [];

  async launch() {
    this.#browser = await launch();
  }

  /** `at`: the bridge, as the page's address begins. */
  async open(url, options, at) {
    const context = await this.#browser.newContext({ locale: "en-GB", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000); // only a failing test waits so long
    page.problems = [];
    page.sockets = 0;
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("console", (message) => { if (/Content.Security.Policy/i.test(message.text())) page.problems.push(message.text()); });
    page.on("websocket", () => page.sockets++);
    page.on("request", (request) => { if (!request.url().startsWith(at)) page.problems.push(`asked for ${request.url()}`); });
    await page.addInitScript(() => addEventListener("DOMContentLoaded", () => {
      const connection = document.querySelector("#connection");
      window.was = []; // what the connection's line has said, for states that pass by
      new MutationObserver(() => was.push(`${connection.dataset.state} ${connection.textContent}`)).observe(connection, { subtree: true, childList: true, characterData: true, attributes: true });
    }));
    this.#open.push(page);
    await page.goto(url);
    return page;
  }

  /** Closes all, and returns what was wrong with them. */
  async close() {
    const pages = this.#open.splice(0);
    for (const page of pages) await page.context().close();
    return pages.flatMap((page) => page.problems);
  }

  end() {
    return this.#browser.close();
  }
}
