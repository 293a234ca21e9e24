// The console: what the bridge serves at "/". Everything that arrives is shown as text, so no event can become markup,
// and every list is bounded.
import { createApp, watch } from "vue";
import "element-plus/theme-chalk/base.css";
import "./style.css";
import App from "./App.vue";
import { follow, takeToken } from "./address";
import { connection, signIn, start } from "./bridge/session";
import { watchFigures } from "./bridge/figures";
import { watchNotices } from "./example/notices";

// After an upgrade of the bridge the files of the page that is open are gone: take the new page. A bridge that is away has
// none, and in its place the browser would show a page that does not come back by itself.
addEventListener("vite:preloadError", () => {
  watch(() => connection.value.name, (name) => void (name === "connected" && location.reload()), { immediate: true });
});

start(takeToken());
follow((token) => void signIn(token));
createApp(App).mount("#app");
watchFigures();
watchNotices();
