"""The sequences histories are played in: windows, gates, waits, keys, hand-overs, a call; and what
follows when sales has answered."""

FLOW = """
sequence: flow
topic: tips
enter: {when: {event: form_submitted}, again: after 2 days}
exit: [{when: {lifecycle: customer}, reason: a customer}]
goal: {event: demo_booked}
timing: {zone: lead, window: {calendar: office}, late: {send_within: 20 hours, otherwise: skip}}
stages:
  - stage: first
    steps:
      - send: welcome
      - wait_for: {event: poked}
        within: 1 day
        then: [{score: {points: 12, half_life: 3 days}}]
        otherwise: [{send: tips}]
      - wait: 2 business hours
  - stage: second
    gate: {when: {score: {at_least: 25}}, within: 2 days, otherwise: [{start: slow}]}
    steps:
      - branch:
          - {when: {score: {at_least: 50}}, steps: [{hand_off: smb}]}
          - {otherwise: [{send: offer}]}
"""
SLOW = """
sequence: slow
topic: tips
enter: {segment: {lifecycle: recycled}, again: after 3 days}
exit: [{when: {not: {score: {at_least: -10}}}, reason: cold}]
stages:
  - stage: only
    steps: [{send: news}, {update: {add_tags: [slow]}}, {wait: 1 day}, {send: tips}]
"""
ORDERS = """
sequence: orders
topic: offers
enter: {when: {event: ordered}, once_per: order_id, again: always}
exit: [{when: {event: ordered, same: order_id}, reason: ordered anew}]
stages:
  - stage: only
    steps:
      - score: 1
      - webhook: "https://shop.example.test/orders"
      - branch: [{when: {event: webhook_failed, within: 1 day}, steps: [{end: not known}]}]
      - update: {add_tags: [buyer], from_event: {plan: order_id}}
      - wait: {until: due, of: event, offset: -2 hours}
      - wait: 6 hours
      - send: offer
"""
BACK = """
sequence: back
topic: tips
enter: {by: command}
stages:
  - stage: only
    steps: [{wait: 1 day}, {send: offer}]
"""
OUTCOMES = """
recycle: {sequence: slow, reasons: [bad timing, wrong contact]}
outcomes:
  lost: [{start: back, after: 2 days}]
  won: [{start: back}]
  rejected: [{reason: wrong contact, suppress: true}]
"""
