/** The page: GraphiQL against the server that it came from. */

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import "graphiql/style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { DraftProvider } from "./reports/draft.jsx";
import { REPORTS_PLUGIN } from "./reports/plugin.jsx";
import { ENDPOINT } from "./server.js";
import "./workers.js";

const WELCOME = `# Put your token into the Headers tab below:
# {"Authorization": "Bearer kartotek_…"}
# Then run this: the button, or Ctrl-Enter.
# The table on the left opens the reports.

query Customers {
  customers(first: 10, orderBy: [{ number: ASC }]) {
    nodes {
      number
      name
      owner {
        name
      }
    }
  }
}
`;

const fetcher = createGraphiQLFetcher({
  url: ENDPOINT.href,
  subscriptionUrl: ENDPOINT.href.replace(/^http/, "ws"),
  enableIncrementalDelivery: false,
});
const PLUGINS = [HISTORY_PLUGIN, REPORTS_PLUGIN];

createRoot(document.getElementById("explorer")).render(
  <StrictMode>
    <DraftProvider>
      <GraphiQL fetcher={fetcher} plugins={PLUGINS} defaultQuery={WELCOME} defaultEditorToolsVisibility="headers">
        <GraphiQL.Logo>Kartotek</GraphiQL.Logo>
      </GraphiQL>
    </DraftProvider>
  </StrictMode>,
);
