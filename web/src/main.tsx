import { render } from "preact";
import { App } from "./app";
import "./styles.css";
import { preferred, speak } from "./words";

const root = document.getElementById("app");
if (root) void speak(preferred()).then(() => render(<App />, root));
