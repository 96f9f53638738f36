/** The report that is open, as it is being edited; kept while the panel is closed. */

import { createContext, useContext, useState } from "react";

const Draft = createContext(null);

export function DraftProvider({ children }) {
  return <Draft value={useState(null)}>{children}</Draft>;
}

/** The draft, or null, and what sets it. */
export function useDraft() {
  return useContext(Draft);
}

let drafts = 0;

/** A draft of a report that is to be saved for the first time. */
export function newDraft() {
  return { key: ++drafts, saved: null, name: "", title: "", description: "", visibility: "PRIVATE" };
}

/** A draft of a saved report. */
export function draftOf(saved) {
  const { name, title, description, visibility } = saved;
  return { key: ++drafts, saved, name, title, description: description ?? "", visibility };
}
