/** Something that the user does and the server may refuse. */

import { useState } from "react";

/** `act` runs it; `isBusy` and `problems` tell how that goes. What answers `problems` has failed. */
export function useAction() {
  const [state, setState] = useState({ isBusy: false, problems: [] });

  async function act(action) {
    setState({ isBusy: true, problems: [] });
    const answer = await action().catch((error) => ({ problems: error.problems ?? [{ message: error.message }] }));
    const problems = answer?.problems ?? [];
    setState({ isBusy: false, problems });
    return problems.length ? null : answer;
  }

  return { ...state, act };
}
