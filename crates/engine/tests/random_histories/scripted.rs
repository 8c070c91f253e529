//! Histories that chance seldom finds, step by step, against the same model.

use crate::Stage;
use crate::histories::playing::Place;
use crate::history::Ending;
use crate::steps::{Step, beside_a_stalled_one, stalled_one_goes_on};

fn play(steps: &[Step]) {
    for ending in [Ending::Silent, Ending::Delivered] {
        let played = <Stage as Place>::new().play(steps, ending);
        assert!(played.is_ok(), "{ending:?}: {:?}", played.err());
    }
}

#[test]
fn what_a_connector_still_works_on_is_not_for_those_whose_start_it_never_took() {
    for others in [1, 2] {
        for by_data in [true, false] {
            let mut steps = beside_a_stalled_one((0, 1), others);
            steps.extend(stalled_one_goes_on(by_data));
            play(&steps);
        }
    }
}

#[test]
fn data_that_comes_while_a_start_is_not_answered_yet_is_for_the_request_before_it() {
    let mut steps = beside_a_stalled_one((0, 1), 1);
    // While the connector is still busy, and the caller's request waits to be sent again.
    steps.retain(|step| *step != Step::Wait(700));
    steps.pop();
    steps.extend(stalled_one_goes_on(true));
    play(&steps);
}
