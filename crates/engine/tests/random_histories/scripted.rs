//! Histories that chance seldom finds, step by step, against the same model.

use crate::Stage;
use crate::connector::{Act, Mood};
use crate::histories::playing::Place;
use crate::history::Ending;
use crate::model::PROCESSING;
use crate::steps::{
    Crash, DELIVERED, Step, accepted_and_taken_over, beside_a_stalled_one, stalled_one_goes_on,
};

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

const CREATE: Step = Step::Create {
    slot: (0, 1),
    principal: 0,
    ttl: 86_400,
    most: 3,
    crash: Crash::No,
};

#[test]
fn who_takes_a_request_over_learns_what_was_noted_of_it_before() {
    let pulled = [Step::Wait(400)];
    let called_late = [DELIVERED];
    for last in [pulled, called_late] {
        let mut steps = accepted_and_taken_over((0, 1));
        steps.extend(last);
        play(&steps);
    }
}

#[test]
fn a_late_status_of_a_request_that_was_taken_over_and_called_off_is_taken() {
    let late = [
        Step::Mood(Mood::Well),
        CREATE,
        Step::Connector(0, Act::Next(2)),
        DELIVERED,
        Step::Wait(PROCESSING + 60),
        CREATE,
        Step::Mood(Mood::Busy),
        Step::Connector(0, Act::Next(0)),
        Step::Wait(200),
        Step::Mood(Mood::Well),
        Step::Cancel(0),
        DELIVERED,
    ];
    play(&late);
}

#[test]
fn that_a_request_waits_may_be_told_late_and_is_no_news_where_nobody_tells_it() {
    play(&[CREATE, Step::Wait(200), DELIVERED, DELIVERED]);
    play(&[CREATE, Step::Wait(400)]);
}
