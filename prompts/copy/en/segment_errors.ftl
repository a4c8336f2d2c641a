# When a segment rule cannot be read. { $column } counts characters from the start.
segment-maybe = Did you mean: { $maybe }
segment-empty = The rule is empty. Example: interest:lashes and joined_days >= 30
segment-too-long = The rule is too long (at most { $limit } characters). Split it by naming parts.
segment-too-deep = Brackets, "not" or names are nested too deeply (at most { $limit } levels).
segment-too-many = The rule has too many terms (at most { $limit }, those of its names included).
segment-character = Character { $column }: "{ $found }" cannot be part of a rule.
segment-quote-open = Character { $column }: the quotation is not closed.
segment-parenthesis-open = Character { $column }: the bracket is not closed.
segment-parenthesis-close = Character { $column }: there is one closing bracket too many.
segment-term-missing = Character { $column }: a term is missing. Example: interest:lashes
segment-operator-missing = Character { $column }: "and" or "or" is missing before "{ $found }".
segment-value-missing = Character { $column }: the value to compare with is missing.
segment-no-comparison = Character { $column }: what is "{ $found }" compared with? Example: { $found } >= 30
segment-no-order = Character { $column }: words are compared by "=" or "!=".
segment-not-number = Character { $column }: "{ $found }" is no whole number.
segment-not-date = Character { $column }: "{ $found }" is no date. Example: 2026-12-20
segment-days = Character { $column }: days are 0 to { $limit }.
segment-window = Character { $column }: activity is counted within 1 to { $limit } days.
segment-unknown = Character { $column }: there is no segment or tag "{ $found }".
segment-no-term = Character { $column }: there is no term "{ $found }".
segment-no-tag = Character { $column }: there is no tag "{ $found }".
segment-no-question = Character { $column }: there is no question "{ $found }".
segment-two-questions = Character { $column }: more than one survey has a question "{ $found }".
segment-words-question = Character { $column }: "{ $found }" is answered in free words and cannot be compared.
segment-no-option = Character { $column }: there is no option "{ $found }".
segment-no-platform = Character { $column }: there is no platform "{ $found }".
segment-no-campaign = Character { $column }: there is no campaign "{ $found }".
segment-no-stage = Character { $column }: "{ $found }" is none of entered, won, used.
segment-cycle = Character { $column }: the names lead back to themselves ({ $found }).
segment-broken = Character { $column }: the rule named "{ $found }" cannot be read now. Please write it again.
