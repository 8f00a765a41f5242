"""What the evidence says of each control. It takes values and returns values.

`catalogue.py` has the controls, `questions.py` what they ask, `material.py` what is asked,
`judging.py` the verdict.
"""
